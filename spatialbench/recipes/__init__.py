"""Papers' tables as data: recipes, the rows they ask for, and how a result stands to them."""
