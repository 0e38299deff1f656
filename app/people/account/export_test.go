package account

// ErasedFirst is for tests.
var ErasedFirst = erasedFirst
