namespace CoScientist.Web.Jobs;

/// <summary>The services that write and grade plans.</summary>
internal static class JobSetup
{
    /// <summary>What command-line verbs need.</summary>
    public static IServiceCollection AddJobs(this IServiceCollection services)
    {
        services.AddSingleton<ModelRoles>();
        services.AddSingleton<LibraryChoice>();
        services.AddSingleton<PlanJob>();
        services.AddSingleton<Playground>();
        services.AddSingleton<GradeJob>();
        services.AddSingleton<EvaluationGoals>();
        services.AddSingleton<EvaluationJob>();
        return services;
    }
}
