package oauth

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is what an assistant may do, as tokens and tables have it.
type Scope string

// The scopes there are: whoever may change something may look, too.
const (
	Read      Scope = "read"
	ReadWrite Scope = "read write"
)

// The words that scopes are made of.
const (
	read  = "read"
	write = "write"
)

// Words are the words of every scope.
func Words() []string { return []string{read, write} }

// ParseScope reads words that are separated by a space, in any order. None are Read.
func ParseScope(text string) (Scope, error) {
	words := strings.Fields(text)
	for _, word := range words {
		if word != read && word != write {
			return "", fmt.Errorf("there is no such scope as %.20q: there are read and write", word)
		}
	}
	if slices.Contains(words, write) {
		return ReadWrite, nil
	}
	return Read, nil
}

// Words are those of the scope.
func (s Scope) Words() []string { return strings.Fields(string(s)) }

// Changes tells whether the scope is of who may change something.
func (s Scope) Changes() bool { return s == ReadWrite }

// Within tells whether the scope allows no more than another one.
func (s Scope) Within(other Scope) bool { return s == other || s == Read && other == ReadWrite }
