"""How a page shows what a lesson says: prose, formulas, code, figures, as HTML and SVG, small and for every screen."""
