using CoScientist.Training.Clusters;
using CoScientist.Web.Configuration;

namespace CoScientist.Web.Runs;

/// <summary>The services that execute runs.</summary>
internal static class RunSetup
{
    /// <summary>What pages and command-line verbs need.</summary>
    public static IServiceCollection AddRuns(this IServiceCollection services)
    {
        services.AddSingleton<ModelCatalog>();
        services.AddSingleton<ModelFiles>();
        services.AddSingleton<ModelMerges>();
        services.AddSingleton(provider => (provider.GetService<IConfiguration>() ?? TextModels.ReadConfiguration()).GetSection("CoScientist:Cluster").Get<ClusterOptions>() ?? new ClusterOptions());
        services.AddSingleton<ClusterRuns>();
        services.AddSingleton<SystemMeters>();
        services.AddSingleton<RunEvents>();
        services.AddSingleton<RunHistories>();
        services.AddSingleton<RunEngines>();
        services.AddSingleton<RunExecution>(provider => provider.GetRequiredService<RunEngines>().ExecuteAsync);
        services.AddSingleton<RunExecutor>();
        services.AddSingleton<RunLauncher>();
        services.AddSingleton<RunPlanner>();
        services.AddSingleton<SampleReader>();
        return services;
    }

    /// <summary>The worker of the server.</summary>
    public static IServiceCollection AddRunWorker(this IServiceCollection services)
    {
        services.AddSingleton<RunWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<RunWorker>());
        return services;
    }
}
