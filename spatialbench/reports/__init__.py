"""Tables and the leaderboard."""
