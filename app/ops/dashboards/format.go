package dashboards

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// format writes a value of the panel's. Axes are not rounded: a line at 2.33 is not one at 2.
func (p Panel) format(value float64) string {
	if p.Whole {
		value = math.Round(value)
	}
	return format(p.Unit, value)
}

// format writes a value in a unit of Grafana's, as short as it can be told apart.
func format(unit string, value float64) string {
	switch unit {
	case "s":
		return duration(value)
	case "ms":
		return duration(value / 1000)
	case "bytes":
		return scaled(value, 1024, []string{" B", " KiB", " MiB", " GiB", " TiB"})
	case "binBps":
		return scaled(value, 1024, []string{" B/s", " KiB/s", " MiB/s", " GiB/s"})
	case "percentunit":
		return short(value*100) + "%"
	case "reqps":
		return scaled(value, 1000, []string{"", "k", "M"}) + " req/s"
	}
	if suffix, is := strings.CutPrefix(unit, "suffix:"); is {
		return scaled(value, 1000, []string{"", "k", "M"}) + suffix
	}
	return scaled(value, 1000, []string{"", "k", "M", "G"})
}

// scaled divides by the base until the value is small enough.
func scaled(value, base float64, suffixes []string) string {
	i := 0
	for ; math.Abs(value) >= base && i < len(suffixes)-1; i++ {
		value /= base
	}
	return short(value) + suffixes[i]
}

// short has three digits that matter.
func short(value float64) string {
	if value == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	text := strconv.FormatFloat(value, 'f', min(digits, 6), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func duration(seconds float64) string {
	const minute, hour, day = 60, 3600, 86400
	switch abs := math.Abs(seconds); {
	case seconds == 0:
		return "0 s"
	case abs < 1e-3:
		return short(seconds*1e6) + " µs"
	case abs < 1:
		return short(seconds*1e3) + " ms"
	case abs < 2*minute:
		return short(seconds) + " s"
	case abs < 2*hour:
		return short(seconds/minute) + " min"
	case abs < 2*day:
		return short(seconds/hour) + " h"
	}
	return short(seconds/day) + " days"
}

// clock is the time of day at a step.
func clock(at time.Time) string { return fmt.Sprintf("%02d:%02d", at.Hour(), at.Minute()) }
