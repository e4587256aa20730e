"""How the application is put together: settings, routes, layers."""
