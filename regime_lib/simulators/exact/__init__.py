"""What can be proven of small ReLU networks: by algebra, in exact arithmetic, region by region."""
