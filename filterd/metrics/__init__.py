"""What is counted: the table of metrics, the Prometheus collector, and the HTTP door for both."""
