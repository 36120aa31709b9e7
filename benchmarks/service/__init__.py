"""How fast the service answers, beside the least that such a service has to do."""
