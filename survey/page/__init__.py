"""The page on which experts judge a finished run: served to a browser on the same computer."""
