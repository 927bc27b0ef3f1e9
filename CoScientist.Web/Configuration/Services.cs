using CoScientist.Core.Storage;
using CoScientist.Web.Accounts;
using CoScientist.Web.Extraction;
using CoScientist.Web.Instances;
using CoScientist.Web.Jobs;
using CoScientist.Web.Runs;

namespace CoScientist.Web.Configuration;

/// <summary>The services that pages and command-line verbs share.</summary>
internal static class Services
{
    /// <summary>Adds storage, stores and model access; nothing that needs a web server.</summary>
    public static IServiceCollection AddCoScientist(this IServiceCollection services, CoScientistOptions options)
    {
        services.AddSingleton(options);
        services.AddSingleton(TimeProvider.System);
        services.AddStorage(options.Database);
        services.AddInstances(options);
        services.AddRuns();
        services.AddModelServers(options);
        services.AddJobs();
        services.AddSingleton<PaperExtraction>();
        services.AddSingleton<ItemJudging>();
        services.AddAccountStore();
        return services;
    }
}
