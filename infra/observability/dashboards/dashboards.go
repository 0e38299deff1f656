// Package dashboards is what people look at while they look after the application: Grafana's
// dashboards, of which Files makes the JSON that Grafana reads. Each is a function that lists its
// panels; panel.go turns those into Grafana's terms.
//
// A panel shows metrics that something exposes, and says in a description what a reader does with
// it. One that may be without data says what that means (panel.empty); `companionctl dashboards`
// takes any other one without data for a fault.
package dashboards

import (
	"encoding/json"

	"github.com/wealth-companion/companion/infra/observability/rules"
)

// board is a dashboard.
type board struct {
	uid, title, description string
	rows                    []row
}

// row is a headline and the panels below it, from left to right and then down.
type row struct {
	title  string
	panels []panel
}

// boards lists the dashboards, first what somebody who was woken opens first.
func boards() []board {
	all := []board{onCall(), eventFlow()}
	for _, service := range rules.Services() {
		all = append(all, ofService(service))
	}
	return append(all, edge(), sidecars(), database(), capacity(), business(), monitoring())
}

// Files returns the dashboards as Grafana reads them, JSON, by their names: Grafana has each at
// /d/ and its name.
func Files() map[string]string {
	files := map[string]string{}
	for _, b := range boards() {
		built, err := b.build()
		if err != nil {
			panic(err) // of what is written in this package
		}
		content, err := json.Marshal(built)
		if err != nil {
			panic(err) // texts and numbers
		}
		files[b.uid] = string(content)
	}
	return files
}
