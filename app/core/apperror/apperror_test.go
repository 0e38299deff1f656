package apperror

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsSaidIsOfItsKindAndKeepsItsCauseForLogs(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1:443: connection refused")
	err := Because(cause, ErrBusy, "the provider does not answer now: try again in %d minutes", 5)
	require.Equal(t, "the provider does not answer now: try again in 5 minutes", err.Error())
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, fmt.Errorf("log in: %w", err), ErrBusy)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err)
	require.Contains(t, log.String(), "connection refused")

	err = Say(ErrNotFound, "there is none")
	require.Equal(t, "there is none", err.Error())
	require.ErrorIs(t, err, ErrNotFound)
	require.NotErrorIs(t, err, ErrBusy)
}
