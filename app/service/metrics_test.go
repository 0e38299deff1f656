package service

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusesAreOfAKnownSet(t *testing.T) {
	for given, want := range map[int]string{0: "0", 200: "200", 404: "404", 799: other} {
		require.Equal(t, want, knownStatus(given), given)
	}
}
