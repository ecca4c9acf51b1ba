"""Asking other resolvers: transports, health, strategy; `resolver.Resolver` is the face."""
