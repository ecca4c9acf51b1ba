"""Dashboards as code: `python -m deploy.grafana.generate` writes what Grafana reads."""
