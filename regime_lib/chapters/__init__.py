"""The chapters of the book: what each measures, draws, lets the reader move, and asks of them."""
