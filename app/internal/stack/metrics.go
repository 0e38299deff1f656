package stack

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Metrics scrapes a service and returns the value of each metric, by its name: the sum
// of its series.
func (s *Stack) Metrics(ctx context.Context, service string) (map[string]float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.at(service+" operations")+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the metrics of %s: %s", service, answer.Status)
	}
	found := map[string]float64{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		series, text, _ := strings.Cut(lines.Text(), " ")
		if i := strings.LastIndex(lines.Text(), "} "); i >= 0 { // values of labels may hold spaces
			series, text = lines.Text()[:i+1], lines.Text()[i+2:]
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue // a comment
		}
		name, _, _ := strings.Cut(series, "{")
		found[name] += value
	}
	return found, lines.Err()
}
