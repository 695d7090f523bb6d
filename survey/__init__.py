"""From drone flight imagery to per-hectare explosive-ordnance risk."""
