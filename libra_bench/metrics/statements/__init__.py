"""What a report states, read by rules: findings, their presence, side, severity and change."""
