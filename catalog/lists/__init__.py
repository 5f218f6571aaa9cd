"""Lists that are filtered, sorted, cut to fields, counted in groups and read page by page."""
