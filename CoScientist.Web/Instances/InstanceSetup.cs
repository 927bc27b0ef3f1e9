using CoScientist.Web.Configuration;

namespace CoScientist.Web.Instances;

/// <summary>The services of processes that share a PostgreSQL database.</summary>
internal static class InstanceSetup
{
    /// <summary>Adds the worker's role, and where other processes may be on the database, what tells them of changes.</summary>
    public static IServiceCollection AddInstances(this IServiceCollection services, CoScientistOptions options)
    {
        services.AddSingleton(new WorkerRole(options.UsesPostgres));
        if (options.UsesPostgres)
        {
            services.AddSingleton<InstanceNews>();
        }

        return services;
    }

    /// <summary>Adds what links a web instance to the others.</summary>
    public static IServiceCollection AddInstanceLink(this IServiceCollection services, CoScientistOptions options)
    {
        if (options.UsesPostgres)
        {
            services.AddSingleton<RunNews>();
            services.AddSingleton<InstanceLink>();
            services.AddHostedService(provider => provider.GetRequiredService<InstanceLink>());
        }

        return services;
    }
}
