"""What figures and scenes are drawn with."""
