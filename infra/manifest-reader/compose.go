package main

import (
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
)

// As `docker compose config` shows it: anchors merged, variables filled in, unknown fields refused.
func readCompose(request Request) (any, error) {
	environment := make([]string, 0, len(request.Environment))
	for name, value := range request.Environment {
		environment = append(environment, name+"="+value)
	}
	options, err := cli.NewProjectOptions([]string{request.Path},
		cli.WithEnv(environment), cli.WithProfiles(request.Profiles), cli.WithResolvedPaths(false))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}
