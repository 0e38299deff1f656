package service

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLabelsAreOfAKnownSet(t *testing.T) {
	for given, want := range map[string]string{"GET": "GET", "PATCH": "PATCH", "get": other, "BREW": other, "": other} {
		require.Equal(t, want, knownMethod(given), given)
	}
	for given, want := range map[int]string{0: "0", 200: "200", 404: "404", 799: other} {
		require.Equal(t, want, knownStatus(given), given)
	}
}
