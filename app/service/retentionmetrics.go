package service

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// retentionMetrics is what is counted of the removal of old rows
// (retention.Observer). Tables are those of the rules.
type retentionMetrics struct {
	removed *prometheus.CounterVec
	overdue *prometheus.GaugeVec
}

func newRetentionMetrics(labels prometheus.Labels) *retentionMetrics {
	return &retentionMetrics{
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "retention_removed_rows_total", Help: "Rows that were removed for their age.", ConstLabels: labels}, []string{"table"}),
		overdue: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "retention_overdue_seconds", Help: "How long ago the oldest row of a table should have been removed.", ConstLabels: labels}, []string{"table"}),
	}
}

func (m *retentionMetrics) Removed(table string, rows int) {
	m.removed.WithLabelValues(table).Add(float64(rows))
}

func (m *retentionMetrics) Overdue(table string, since time.Duration) {
	m.overdue.WithLabelValues(table).Set(since.Seconds())
}
