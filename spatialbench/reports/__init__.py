"""Results as reports: tables for people, records and documents for programs."""
