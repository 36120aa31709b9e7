"""Models, promotions and trainings over HTTP."""
