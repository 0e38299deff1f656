package db

// MigrationsOf is for tests.
var MigrationsOf = migrationsOf
