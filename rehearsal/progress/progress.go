// Package progress is how long work tells a person what is being built or
// awaited and how long it has taken.
package progress

// Reporter opens stages. Implementations are safe for concurrent use.
type Reporter interface {
	// Stage announces one piece of long work, named as a person would name it
	// ("build kube-apiserver", "node pool-1 Ready").
	Stage(name string) Stage
}

// Stage is one piece of work under way.
type Stage interface {
	// Detail replaces the line that says what the stage is doing now.
	Detail(format string, args ...any)
	// Done ends the stage; its duration is printed, and err when it failed.
	Done(err error)
}

// Discard reports nothing; it is for tests.
var Discard Reporter = discard{}

type discard struct{}

func (discard) Stage(string) Stage    { return discard{} }
func (discard) Detail(string, ...any) {}
func (discard) Done(error)            {}
