package stacks

// Observability is what watches the application: Prometheus, its alerts, and Alertmanager, by the chart companion:charts.kubePrometheusStack. The application does without it.
type Observability struct {
	Enabled     bool      `json:"enabled"`                                                                                                                    // true to install it, false to have none of it
	Interval    string    `json:"interval,omitempty" jsonschema:"pattern=^[1-9][0-9]*s$,default=30s" jsonschema_extras:"x-unit=seconds"`                      // how often metrics are read and alerts evaluated, such as 30s
	Retention   string    `json:"retention,omitempty" jsonschema:"pattern=^[1-9][0-9]*[dhw]$,default=15d" jsonschema_extras:"x-unit=hours, days or weeks"`    // how long metrics are kept, such as 15d; less when seven tenths of the volume are full
	Storage     string    `json:"storage" jsonschema:"pattern=^[0-9]+(Gi|Ti)$" jsonschema_extras:"x-unit=bytes"`                                              // the volume of Prometheus, such as 20Gi
	SampleLimit int       `json:"sampleLimit,omitempty" jsonschema:"minimum=1000,maximum=1000000,default=20000" jsonschema_extras:"x-unit=samples a reading"` // the most samples of a pod: one that has more is not read at all
	Resources   Resources `json:"resources"`                                                                                                                  // what Prometheus gets
	Alerts      Alerts    `json:"alerts"`
	// what shows the dashboards, behind log-in, for whoever forwards a port to it; without it they lie in the cluster, and companionctl dashboards draws them
	Grafana *Grafana `json:"grafana,omitempty"`
}

// Grafana is Grafana, with the secret companion:grafanaPassword of its user admin.
type Grafana struct {
	Resources Resources `json:"resources"` // what it gets
}

// Alerts say whom Alertmanager tells.
type Alerts struct {
	Receiver string `json:"receiver" jsonschema:"enum=webhook,enum=email,enum=none"` // webhook to have alerts posted to the address that is the secret companion:alertWebhook, email to have them go by companion:mail, none to have them shown only
	// with email, the address of those who are on call
	To string `json:"to,omitempty" jsonschema:"pattern=^[^@ ]+@[^@ ]+$"`
}

// Observes tells whether the stack has what watches the application.
func (c Config) Observes() bool { return c.Observability != nil && c.Observability.Enabled }

// webhook tells whether alerts are posted to an address.
func (c Config) webhook() bool { return c.Observes() && c.Observability.Alerts.Receiver == "webhook" }

// shows tells whether Grafana shows the dashboards.
func (c Config) shows() bool { return c.Observes() && c.Observability.Grafana != nil }

// implicitTLSPort is where Alertmanager, which has no setting for it, begins with TLS.
const implicitTLSPort = 465

// observability checks that there is a chart, and that alerts arrive somewhere.
func (p *problems) observability(c Config) {
	if !c.Observes() {
		return
	}
	if c.Charts.KubePrometheusStack == nil {
		p.add(namespace+"charts.kubePrometheusStack", "is missing: set it, companion:observability is installed by it")
	}
	alerts := c.Observability.Alerts
	if alerts.Receiver != "email" {
		return
	}
	if alerts.To == "" {
		p.add(namespace+"observability.alerts.to", "is missing: set it to the address of those who are on call")
	}
	switch {
	case c.Mail == nil:
		p.add(namespace+"mail", "is missing: set it, companion:observability.alerts go by e-mail")
	case c.Mail.TLS == "implicit" && c.Mail.Port != implicitTLSPort:
		p.add(namespace+"observability.alerts.receiver", "is email, but Alertmanager begins with TLS at port %d only, and mail.port is %d: set it to webhook", implicitTLSPort, c.Mail.Port)
	}
}
