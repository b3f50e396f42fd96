"""How far atoms of features are off."""
