"""From executed notebooks to pages: cards, figures, scorecard, site."""
