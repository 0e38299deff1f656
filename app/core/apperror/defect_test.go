package apperror

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADefectIsToldByItsPlaceAndNotByWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		defect func()
		says   string
	}{
		"a text":             {func() { panic("topsecret") }, "a string"},
		"an error":           {func() { panic(errors.New("topsecret")) }, "errorString"},
		"one of the runtime": {func() { var none []int; _ = none[len("topsecret")] }, "index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			func() {
				defer func() { err = Defect(recover()) }()
				c.defect()
			}()
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "defect_test.go")
			require.NotContains(t, err.Error(), "topsecret")
		})
	}
}
