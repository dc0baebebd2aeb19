// Nothing is called from Swift; a C target has a header.
