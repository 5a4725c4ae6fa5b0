"""Pages about methods: parse, call one selector or service, render."""
