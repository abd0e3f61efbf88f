"""What the five decks contain, slide by slide, and the catalogue of claims: data with their readers."""
