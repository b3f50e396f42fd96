"""A checked table goes in, its certified answer comes out."""
