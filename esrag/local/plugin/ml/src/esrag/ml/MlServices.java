package esrag.ml;

import esrag.ml.endpoint.Coordinator;
import esrag.ml.endpoint.EndpointStore;
import esrag.ml.endpoint.Providers;
import esrag.ml.infer.Inferrer;
import esrag.ml.infer.Targets;
import esrag.ml.ingest.Batches;
import esrag.ml.ingest.PipelineStats;
import esrag.ml.licence.Licences;
import esrag.ml.node.MlNodeClient;
import org.elasticsearch.client.internal.Client;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xcontent.NamedXContentRegistry;

/** What the plugin's actions share; the server injects it into each of them. */
public record MlServices(
    MlNodeClient node,
    Targets targets,
    Inferrer inferrer,
    Coordinator coordinator,
    EndpointStore endpoints,
    Providers providers,
    Batches batches,
    Licences licences,
    PipelineStats pipelines,
    Client client,
    ClusterService clusterService,
    ThreadPool threadPool,
    NamedXContentRegistry registry) {}
