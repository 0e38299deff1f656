package digitalocean

import (
	"context"
	"regexp"

	"github.com/digitalocean/godo"
)

type tagState struct {
	Name                 string `json:"name" do:"autoname,replace"`
	DatabasesCount       int    `json:"databasesCount" do:"output"`
	DropletsCount        int    `json:"dropletsCount" do:"output"`
	ImagesCount          int    `json:"imagesCount" do:"output"`
	TotalResourceCount   int    `json:"totalResourceCount" do:"output"`
	VolumeSnapshotsCount int    `json:"volumeSnapshotsCount" do:"output"`
	VolumesCount         int    `json:"volumesCount" do:"output"`
}

var tagName = regexp.MustCompile(`^[a-zA-Z0-9:\-_]{1,255}$`)

var tag = handle(api[tagState]{
	validate: func(wanted tagState, fail func(string, string)) {
		checkTag("name", wanted.Name, fail)
	},
	create: func(ctx context.Context, s *session, wanted tagState) (string, error) {
		made, _, err := s.client.Tags.Create(ctx, &godo.TagCreateRequest{Name: wanted.Name})
		if err != nil {
			return "", err
		}
		return made.Name, nil
	},
	read: func(ctx context.Context, s *session, id string, _ tagState) (*tagState, error) {
		found, answer, err := s.client.Tags.Get(ctx, id)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		now := &tagState{Name: found.Name}
		if counts := found.Resources; counts != nil {
			now.TotalResourceCount = counts.Count
			now.DropletsCount = value(counts.Droplets).Count
			now.ImagesCount = value(counts.Images).Count
			now.VolumesCount = value(counts.Volumes).Count
			now.VolumeSnapshotsCount = value(counts.VolumeSnapshots).Count
			now.DatabasesCount = value(counts.Databases).Count
		}
		return now, nil
	},
	delete: func(ctx context.Context, s *session, id string, _ tagState) error {
		return unlessGone(s.client.Tags.Delete(ctx, id))
	},
})

func checkTag(path, name string, fail func(string, string)) {
	if name != "" && !tagName.MatchString(name) {
		fail(path, "tags may contain letters, numbers, colons, dashes, and underscores, up to 255 of them")
	}
}
