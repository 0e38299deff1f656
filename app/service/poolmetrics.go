package service

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolMetrics is what a pool knows of itself when it is asked.
type poolMetrics struct {
	pool   *pgxpool.Pool
	labels prometheus.Labels
}

func (m poolMetrics) describe(name, help string, by ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, by, m.labels)
}

// Describe sends nothing: what there is follows from Collect.
func (m poolMetrics) Describe(chan<- *prometheus.Desc) {}

func (m poolMetrics) Collect(metrics chan<- prometheus.Metric) {
	stat := m.pool.Stat()
	sessions := m.describe("db_pool_sessions", "Sessions with the database, by what they do.", "state")
	for state, n := range map[string]int32{"acquired": stat.AcquiredConns(), "idle": stat.IdleConns(), "constructing": stat.ConstructingConns()} {
		metrics <- prometheus.MustNewConstMetric(sessions, prometheus.GaugeValue, float64(n), state)
	}
	metrics <- prometheus.MustNewConstMetric(m.describe("db_pool_max_sessions", "Sessions that the pool may have."), prometheus.GaugeValue, float64(stat.MaxConns()))
	metrics <- prometheus.MustNewConstMetric(m.describe("db_pool_acquired_total", "Sessions that were taken from the pool."), prometheus.CounterValue, float64(stat.AcquireCount()))
	metrics <- prometheus.MustNewConstMetric(m.describe("db_pool_waits_total", "Sessions that were not there at once: all were taken, or none was open."), prometheus.CounterValue, float64(stat.EmptyAcquireCount()))
	metrics <- prometheus.MustNewConstMetric(m.describe("db_pool_wait_seconds_total", "How long was waited for those."), prometheus.CounterValue, stat.EmptyAcquireWaitTime().Seconds())
}
