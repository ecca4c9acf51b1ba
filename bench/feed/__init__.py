"""The ministry's loop under measurement: a hub, many nodes, all of it real and on this machine."""
