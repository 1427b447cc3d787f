"""The discovery systems that Prometheus speaks and Fenghuo does not.

Their keys are known and checked, so that a file that names them loads and mistakes in it are found; a job's
targets from them are not looked for, and :meth:`ForeignDiscoverySettings.foreign_systems` names what was skipped.
"""

from __future__ import annotations

from pydantic import Field

from fenghuo.base.document import ListOf, Settings
from fenghuo.metrics.collect.discovery.foreign_cloud import (
    AmazonAccount,
    AmazonClusters,
    Aws,
    Azure,
    DigitalOcean,
    Ec2,
    Gce,
    Hetzner,
    Ionos,
    Linode,
    Oci,
    OpenStack,
    Outscale,
    OvhCloud,
    PolledOverHttp,
    PuppetDb,
    Rds,
    Scaleway,
    Stackit,
    Triton,
)
from fenghuo.metrics.collect.discovery.foreign_cluster import (
    Consul,
    Dns,
    Docker,
    DockerSwarm,
    Eureka,
    Kubernetes,
    Kuma,
    Marathon,
    Nomad,
    Uyuni,
    ZooKeeper,
)


class ForeignDiscoverySettings(Settings):
    """The ``…_sd_configs`` keys that load but are not acted on."""

    aws_sd_configs: ListOf[Aws] = Field(default_factory=list)
    azure_sd_configs: ListOf[Azure] = Field(default_factory=list)
    consul_sd_configs: ListOf[Consul] = Field(default_factory=list)
    digitalocean_sd_configs: ListOf[DigitalOcean] = Field(default_factory=list)
    dns_sd_configs: ListOf[Dns] = Field(default_factory=list)
    docker_sd_configs: ListOf[Docker] = Field(default_factory=list)
    dockerswarm_sd_configs: ListOf[DockerSwarm] = Field(default_factory=list)
    ec2_sd_configs: ListOf[Ec2] = Field(default_factory=list)
    ecs_sd_configs: ListOf[AmazonClusters] = Field(default_factory=list)
    elasticache_sd_configs: ListOf[AmazonClusters] = Field(default_factory=list)
    eureka_sd_configs: ListOf[Eureka] = Field(default_factory=list)
    gce_sd_configs: ListOf[Gce] = Field(default_factory=list)
    hetzner_sd_configs: ListOf[Hetzner] = Field(default_factory=list)
    ionos_sd_configs: ListOf[Ionos] = Field(default_factory=list)
    kubernetes_sd_configs: ListOf[Kubernetes] = Field(default_factory=list)
    kuma_sd_configs: ListOf[Kuma] = Field(default_factory=list)
    lightsail_sd_configs: ListOf[AmazonAccount] = Field(default_factory=list)
    linode_sd_configs: ListOf[Linode] = Field(default_factory=list)
    marathon_sd_configs: ListOf[Marathon] = Field(default_factory=list)
    msk_sd_configs: ListOf[AmazonClusters] = Field(default_factory=list)
    nerve_sd_configs: ListOf[ZooKeeper] = Field(default_factory=list)
    nomad_sd_configs: ListOf[Nomad] = Field(default_factory=list)
    oci_sd_configs: ListOf[Oci] = Field(default_factory=list)
    openstack_sd_configs: ListOf[OpenStack] = Field(default_factory=list)
    outscale_sd_configs: ListOf[Outscale] = Field(default_factory=list)
    ovhcloud_sd_configs: ListOf[OvhCloud] = Field(default_factory=list)
    puppetdb_sd_configs: ListOf[PuppetDb] = Field(default_factory=list)
    rds_sd_configs: ListOf[Rds] = Field(default_factory=list)
    scaleway_sd_configs: ListOf[Scaleway] = Field(default_factory=list)
    serverset_sd_configs: ListOf[ZooKeeper] = Field(default_factory=list)
    stackit_sd_configs: ListOf[Stackit] = Field(default_factory=list)
    triton_sd_configs: ListOf[Triton] = Field(default_factory=list)
    uyuni_sd_configs: ListOf[Uyuni] = Field(default_factory=list)
    vultr_sd_configs: ListOf[PolledOverHttp] = Field(default_factory=list)

    def foreign_systems(self) -> list[str]:
        """The keys that name something, as in ``["ec2_sd_configs"]``."""
        return [name for name in ForeignDiscoverySettings.model_fields if getattr(self, name)]
