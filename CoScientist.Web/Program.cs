using CoScientist.Web.Commands;

return await CommandRunner.RunAsync(Verbs.Create(), args, Console.Error);
