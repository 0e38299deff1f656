package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// published is what `images` leaves for those who deploy and attest a release.
type published struct {
	Release string           `json:"release"` // for companion:release
	Images  []publishedImage `json:"images"`
}

type publishedImage struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	SBOM       string `json:"sbom"` // its file (SPDX), relative to the one that this is in
}

// imagesCommand builds the images that production runs: those that are rehearsed.
func imagesCommand(find findFolders) *cobra.Command {
	var registry, output string
	cmd := &cobra.Command{
		Use:   "images --registry REGISTRY",
		Short: "Build the services' images with their SBOMs and push them to a registry, logged in to by `docker login`",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := find()
			if err != nil {
				return err
			}
			report := progress.NewTerminal(os.Stderr, false, 0)
			defer report.Close()
			made, err := publishImages(cmd.Context(), folders, registry, output, report)
			if err != nil {
				return err
			}
			fmt.Printf("Release %s: %d images are in %s. Deploy it by companion:release.\n", made.Release, len(made.Images), registry)
			return nil
		},
	}
	cmd.Flags().StringVar(&registry, "registry", "", "where to push to, such as "+parts.Registry)
	cmd.Flags().StringVar(&output, "output", "bin/ci", "the folder for images.json and the SBOMs")
	_ = cmd.MarkFlagRequired("registry")
	return cmd
}

func publishImages(ctx context.Context, folders settings.Folders, registry, output string, report progress.Reporter) (published, error) {
	if _, err := name.NewRepository(registry + "/backend"); err != nil {
		return published{}, fmt.Errorf("--registry %q: %w", registry, err)
	}
	const sboms = "sbom"
	if err := os.RemoveAll(filepath.Join(output, sboms)); err != nil {
		return published{}, err
	}
	release, err := parts.New(folders.Root, folders.Cache, report).Release(ctx, filepath.Join(output, sboms))
	if err != nil {
		return published{}, err
	}
	made := published{Release: release.Name}
	for i, service := range parts.Services {
		repository := registry + "/" + service
		tag, err := name.NewTag(repository + ":" + release.Name)
		if err != nil {
			return published{}, err
		}
		digest, err := release.Images[i].Digest()
		if err != nil {
			return published{}, err
		}
		bill, err := filepath.Glob(filepath.Join(output, sboms, service+"-linux-amd64.*"))
		if err != nil || len(bill) != 1 {
			return published{}, fmt.Errorf("SBOM of %s: ko wrote %d files into %s", service, len(bill), filepath.Join(output, sboms))
		}
		stage := report.Stage("push " + tag.String())
		err = remote.Write(tag, release.Images[i], remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(ctx))
		stage.Done(err)
		if err != nil {
			return published{}, fmt.Errorf("push %s: %w", tag, err)
		}
		made.Images = append(made.Images, publishedImage{
			Name: service, Repository: repository, Digest: digest.String(), SBOM: filepath.Join(sboms, filepath.Base(bill[0])),
		})
	}
	raw, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return published{}, err
	}
	return made, os.WriteFile(filepath.Join(output, "images.json"), append(raw, '\n'), 0o644)
}
