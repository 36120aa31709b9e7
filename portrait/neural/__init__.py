"""Everything that needs torch. The service never imports it."""
