// Package losttest holds tests of what becomes of a database transaction whose client
// is lost, or which PostgreSQL breaks.
package losttest
