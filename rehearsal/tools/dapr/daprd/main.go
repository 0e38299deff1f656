// Command daprd is Dapr's sidecar with the components that the application
// uses. The official image has all of Dapr's; upstream's build tag for all of
// them does not compile with this Go, and the one for the stable components
// lacks the one below.
//
// Build it with -tags stablecomponents: without a tag it panics when it starts.
package main

import (
	"github.com/dapr/components-contrib/conversation/echo"
	"github.com/dapr/dapr/cmd/daprd/app"
	"github.com/dapr/dapr/pkg/components/conversation"
)

func main() {
	conversation.DefaultRegistry.RegisterComponent(echo.NewEcho, "echo")
	app.Run()
}
