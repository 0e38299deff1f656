package finding

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

func TestAFindingFitsItsEvent(t *testing.T) {
	f := Finding{
		Kind: "price_rise", InsightType: event.SpendingPattern, Title: strings.Repeat("ü", 101), Message: strings.Repeat("m", 501),
		Dismiss: strings.Repeat("d", 201), Confidence: 1.2, Facts: map[string]string{"was": "9.99"}, Related: map[string]string{"merchant": "x"},
	}
	data := f.Insight(tracing.NewID(), tracing.NewID())
	require.Equal(t, strings.Repeat("ü", 99)+"…", data.Title)
	require.Equal(t, map[string]string{"merchant": "x", "detector": "price_rise"}, data.RelatedEntities)
	require.InDelta(t, 1, data.Confidence, 0)
	e, err := event.New(context.Background(), event.Banking, event.TypeInsightGenerated, "x", data)
	require.NoError(t, err)
	require.NoError(t, event.Check(e))
	require.Len(t, f.Related, 1, "the finding itself stays as it is")
}

func TestShorten(t *testing.T) {
	require.Equal(t, "abc", Shorten("abc", 3))
	require.Equal(t, "ab…", Shorten("abcd", 3))
}
