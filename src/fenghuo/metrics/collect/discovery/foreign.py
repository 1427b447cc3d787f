"""The discovery systems that Prometheus speaks and Fenghuo does not.

Their keys are known and checked, so that a file that names them loads and mistakes in it are found; a job's
targets from them are not looked for, and :meth:`ForeignDiscoverySettings.foreign_systems` names what was skipped.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from fenghuo.base.document import Settings
from fenghuo.base.late_model import EntriesOf, SomeSettings

CLOUD: Final = "fenghuo.metrics.collect.discovery.foreign_cloud"
CLUSTER: Final = "fenghuo.metrics.collect.discovery.foreign_cluster"


class ForeignDiscoverySettings(Settings):
    """The ``…_sd_configs`` keys that load but are not acted on."""

    aws_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Aws")] = Field(default_factory=list)
    azure_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Azure")] = Field(default_factory=list)
    consul_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Consul")] = Field(default_factory=list)
    digitalocean_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "DigitalOcean")] = Field(default_factory=list)
    dns_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Dns")] = Field(default_factory=list)
    docker_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Docker")] = Field(default_factory=list)
    dockerswarm_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "DockerSwarm")] = Field(default_factory=list)
    ec2_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Ec2")] = Field(default_factory=list)
    ecs_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "AmazonClusters")] = Field(default_factory=list)
    elasticache_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "AmazonClusters")] = Field(default_factory=list)
    eureka_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Eureka")] = Field(default_factory=list)
    gce_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Gce")] = Field(default_factory=list)
    hetzner_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Hetzner")] = Field(default_factory=list)
    ionos_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Ionos")] = Field(default_factory=list)
    kubernetes_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Kubernetes")] = Field(default_factory=list)
    kuma_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Kuma")] = Field(default_factory=list)
    lightsail_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "AmazonAccount")] = Field(default_factory=list)
    linode_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Linode")] = Field(default_factory=list)
    marathon_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Marathon")] = Field(default_factory=list)
    msk_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "AmazonClusters")] = Field(default_factory=list)
    nerve_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "ZooKeeper")] = Field(default_factory=list)
    nomad_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Nomad")] = Field(default_factory=list)
    oci_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Oci")] = Field(default_factory=list)
    openstack_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "OpenStack")] = Field(default_factory=list)
    outscale_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Outscale")] = Field(default_factory=list)
    ovhcloud_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "OvhCloud")] = Field(default_factory=list)
    puppetdb_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "PuppetDb")] = Field(default_factory=list)
    rds_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Rds")] = Field(default_factory=list)
    scaleway_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Scaleway")] = Field(default_factory=list)
    serverset_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "ZooKeeper")] = Field(default_factory=list)
    stackit_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Stackit")] = Field(default_factory=list)
    triton_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "Triton")] = Field(default_factory=list)
    uyuni_sd_configs: Annotated[SomeSettings, EntriesOf(CLUSTER, "Uyuni")] = Field(default_factory=list)
    vultr_sd_configs: Annotated[SomeSettings, EntriesOf(CLOUD, "PolledOverHttp")] = Field(default_factory=list)

    def foreign_systems(self) -> list[str]:
        """The keys that name something, as in ``["ec2_sd_configs"]``."""
        return [name for name in ForeignDiscoverySettings.model_fields if getattr(self, name)]
