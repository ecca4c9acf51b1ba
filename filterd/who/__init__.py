"""Who is who: which addresses a device or a user has now, as leases, neighbours and RADIUS say."""
